import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // End-to-end tests start dozens of processes each; a loaded machine is slow, and no reason to fail.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    exclude: [...configDefaults.exclude, '.tmp/**'],
  },
});
