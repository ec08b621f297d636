/** The only source of randomness. */
export interface Random {
  /** Unguessable, lower-case hex, two digits per byte. */
  hex(bytes: number): string;
  /** Uniform in [0, 1), for jitter. */
  fraction(): number;
}
