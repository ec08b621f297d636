import { defineConfig } from 'vitest/config';

// Two cores: the parts side by side, then everything that runs the built program or a store of its own, three files at a time, since
// they wait for each other, for timers and for disks most of the time.
const endToEnd = ['test/e2e/**/*.test.ts', 'test/simulation/**/*.test.ts'];

export default defineConfig({
  test: {
    maxWorkers: 2,
    // The SDK's word about the Node of next year is no result of a test.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    projects: [
      {
        test: {
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: endToEnd,
          testTimeout: 20_000,
          hookTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'end-to-end',
          include: endToEnd,
          globalSetup: 'test/e2e/support/bucket.ts',
          testTimeout: 120_000,
          hookTimeout: 60_000,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
