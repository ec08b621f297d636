import { createHash } from 'node:crypto';
import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { nameBytesMax } from '../model/path.ts';

/** `sun_path` of Linux holds 108 bytes with the closing zero. */
const addressBytesMax = 107;
/** Room for the name beside `/proc/self/fd/NNNNN/`. */
const nameMax = 80;

/** The socket of one share: a name in the state directory, and an address that the kernel takes however long that directory's name is. */
export interface SocketPlace {
  /** As a person finds it. */
  readonly file: string;
  /** For bind and connect of `name` in the same directory; good until `close`. */
  address(name: string): string;
  readonly name: string;
  close(): void;
}

/** `<state>/<share>.sock`; a long name is cut and told apart by its hash. Throws where the directory cannot be opened. */
export function socketFile(state: string, share: string): string {
  const name = `${share}.sock`;
  if (Buffer.byteLength(name) <= Math.min(nameMax, nameBytesMax)) return join(state, name);
  return join(state, `${createHash('sha256').update(share).digest('hex').slice(0, 32)}.sock`);
}

/** A path that is too long for an address is reached through the descriptor of its directory. */
export function openPlace(file: string): SocketPlace {
  const directory = dirname(file);
  const name = file.slice(directory.length + 1);
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  const short = `/proc/self/fd/${fd}`;
  const isLong = (address: string) => Buffer.byteLength(address) > addressBytesMax;
  return {
    file,
    name,
    address: (other) => (isLong(join(directory, other)) && existsSync(short) ? join(short, other) : join(directory, other)),
    close: () => closeSync(fd),
  };
}
