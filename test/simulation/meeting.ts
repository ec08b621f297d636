import { DiskFault, type ShareTree } from '../../src/ports/filesystem.ts';

/** The port, and `met` is called for each fault that one of its calls ends with, or that is the result of a part of it. */
export function meeting(tree: ShareTree, met: (fault: DiskFault, call: string) => void): ShareTree {
  const tell = (call: string, result: unknown): void => {
    if (result instanceof DiskFault) met(result, call);
    else if (Array.isArray(result)) for (const each of result) tell(call, each);
  };
  const watch = (call: string, work: (...values: unknown[]) => unknown, values: unknown[]): unknown => {
    try {
      const result = work(...values);
      if (result instanceof Promise) result.then((answer) => tell(call, answer)).catch((error: unknown) => tell(call, error));
      else tell(call, result);
      return result;
    } catch (error) {
      tell(call, error);
      throw error;
    }
  };
  return new Proxy(tree, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...values: unknown[]) => watch(String(name), value as (...values: unknown[]) => unknown, values);
    },
  });
}
