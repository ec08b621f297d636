import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { decodeBlob } from '../../../src/model/pack.ts';
import type { ChunkLocation, Payload } from '../../../src/model/record.ts';
import { decodePayload, decodeRecord } from '../../../src/model/record-decode.ts';
import { limitsOfFormat1 } from './limits.ts';
import { hashOf, type Tree } from './tree.ts';
