import { readdirSync } from 'node:fs';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric with its samples, all of which have the same labels. */
export interface Family {
  readonly kind: 'gauge' | 'counter';
  readonly name: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Seconds: a look at nothing takes a hundredth, a first replay may take an hour. */
const durationBuckets = [0.01, 0.05, 0.25, 1, 5, 30, 120, 600, 3600];

export interface Metrics {
  /** How long cycles of a share took, ms. */
  observe(share: string, durationsMs: readonly number[]): void;
  /** Shares that are followed no more have no durations. */
  keepOnly(shares: ReadonlySet<string>): void;
  /** Everything in the text format of Prometheus. */
  text(families: readonly Family[]): Promise<string>;
}

export const metricsType = Registry.PROMETHEUS_CONTENT_TYPE;

/** Figures of this process, those that are handed in, and durations that it gathers. */
export function openMetrics(): Metrics {
  const lasting = new Registry();
  const durations = new Histogram({
    name: 'flocksync_share_cycle_duration_seconds',
    help: 'How long cycles of the share took.',
    labelNames: ['share'],
    buckets: durationBuckets,
    registers: [lasting],
  });
  const known = new Set<string>();
  return {
    observe: (share, durationsMs) => {
      known.add(share);
      for (const ms of durationsMs) durations.observe({ share }, ms / 1000);
    },
    keepOnly: (shares) => {
      for (const share of known) {
        if (shares.has(share)) continue;
        durations.remove({ share });
        known.delete(share);
      }
    },
    text: async (families) => {
      const now = new Registry();
      for (const family of [...families, ...ofProcess()]) add(now, family);
      return `${(await now.metrics()).trimEnd()}\n\n${await lasting.metrics()}`;
    },
  };
}

/**
 * Under the names that every client library uses. Those of prom-client itself would wake the process a hundred times a second, to watch
 * its event loop.
 */
function ofProcess(): Family[] {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  const one = (kind: Family['kind'], name: string, help: string, value: number): Family => ({
    kind,
    name,
    help,
    samples: [{ labels: {}, value }],
  });
  return [
    one('counter', 'process_cpu_seconds_total', 'Processor time, user and system.', (user + system) / 1e6),
    one('gauge', 'process_resident_memory_bytes', 'Memory in use.', rss),
    one('gauge', 'nodejs_heap_size_used_bytes', 'Of it, what JavaScript objects take.', heapUsed),
    one('gauge', 'process_open_fds', 'Open files.', readdirSync('/proc/self/fd').length),
    one(
      'gauge',
      'process_start_time_seconds',
      'When the process began, by the clock of this machine.',
      Date.now() / 1000 - process.uptime(),
    ),
  ];
}

/** A figure that is counted elsewhere: the registry is made anew for each text. */
function add(registry: Registry, { kind, name, help, samples }: Family): void {
  const labelNames = Object.keys(samples[0]?.labels ?? {});
  const settings = { name, help, labelNames, registers: [registry] };
  if (kind === 'counter') {
    const counter = new Counter(settings);
    for (const { labels, value } of samples) counter.inc(labels, value);
  } else {
    const gauge = new Gauge(settings);
    for (const { labels, value } of samples) gauge.set(labels, value);
  }
}
