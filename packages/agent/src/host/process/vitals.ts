/**
 * How the process is, for whoever looks at it once a second. What has to be watched in between (the delay of timers, garbage collections) is watched only as long as somebody asks, and costs the
 * main thread some microseconds a second.
 */
import { performance, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import type { EventLoopUtilization, IntervalHistogram, PerformanceEntry } from 'node:perf_hooks';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import type { Clock } from '../../platform/clock.ts';
import { wallClockMs } from '../../platform/originals.ts';
import type { Vitals } from '../../protocol/index.ts';
import type { ActorDirectory } from '../actors/directory.ts';
import { isNearlyFull } from './heap.ts';

/** Nobody asks any more. */
const forgetAfterMs = 10_000;
const delayResolutionMs = 20;
const maxActors = 50;
const majorCollection = 4;

/** What one console has been told. */
class Look {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: delayResolutionMs });
  readonly #collections: PerformanceObserver;
  #gc: Vitals['gc'] = { count: 0, major: 0, ms: 0 };
  #atMs: number;
  #loop: EventLoopUtilization = performance.eventLoopUtilization();
  #cpu = process.cpuUsage();

  constructor(nowMs: number) {
    this.#atMs = nowMs;
    this.#delay.enable();
    this.#collections = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        this.#gc.count += 1;
        this.#gc.ms += entry.duration;
        if ((entry as PerformanceEntry & { detail?: { kind?: number } }).detail?.kind === majorCollection) this.#gc.major += 1;
      }
    });
    this.#collections.observe({ entryTypes: ['gc'] });
  }

  read(nowMs: number): Pick<Vitals, 'sinceMs' | 'eventLoop' | 'cpu' | 'gc'> {
    const sinceMs = nowMs - this.#atMs;
    const loop = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(loop, this.#loop);
    const { user, system } = process.cpuUsage(this.#cpu);
    // The histogram counts from one tick of its timer to the next: what is more than its resolution came late.
    const late = (nanoseconds: number): number => Math.max(0, tenths(nanoseconds / 1e6 - delayResolutionMs));
    const delayMs =
      this.#delay.count === 0
        ? { mean: 0, p50: 0, p99: 0, max: 0 }
        : { mean: late(this.#delay.mean), p50: late(this.#delay.percentile(50)), p99: late(this.#delay.percentile(99)), max: late(this.#delay.max) };
    const gc = { ...this.#gc, ms: tenths(this.#gc.ms) };
    this.#atMs = nowMs;
    this.#loop = loop;
    this.#cpu = process.cpuUsage();
    this.#gc = { count: 0, major: 0, ms: 0 };
    this.#delay.reset();
    return {
      sinceMs: Math.round(sinceMs),
      eventLoop: { utilization: Math.round(utilization * 1_000) / 1_000, delayMs },
      cpu: sinceMs <= 0 ? 0 : Math.round((user + system) / sinceMs) / 1_000,
      gc,
    };
  }

  end(): void {
    this.#delay.disable();
    this.#collections.disconnect();
  }
}

export class VitalSigns {
  readonly #actors: ActorDirectory;
  readonly #clock: Clock;
  readonly #looks = new Map<string, { look: Look; callOff: () => void }>();

  constructor(actors: ActorDirectory, clock: Clock) {
    this.#actors = actors;
    this.#clock = clock;
  }

  read(session: string): Vitals {
    const nowMs = this.#clock.now();
    const { look, callOff } = this.#looks.get(session) ?? { look: new Look(nowMs), callOff: () => undefined };
    callOff();
    this.#looks.set(session, { look, callOff: this.#clock.after(forgetAfterMs, () => this.forget(session)) });
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
    const { heap_size_limit: heapLimit } = getHeapStatistics();
    const spaces = getHeapSpaceStatistics().map(({ space_name: name, space_used_size: used }) => ({ name, used }));
    return {
      at: new Date(wallClockMs()).toISOString(),
      uptimeMs: Math.round(process.uptime() * 1_000),
      ...look.read(nowMs),
      memory: { rss, heapUsed, heapLimit, nearlyFull: isNearlyFull({ used: heapUsed, limit: heapLimit }), external, arrayBuffers, spaces },
      resources: counted(process.getActiveResourcesInfo()),
      actors: this.#actors.mailboxes(maxActors),
    };
  }

  forget(session: string): void {
    const kept = this.#looks.get(session);
    this.#looks.delete(session);
    kept?.callOff();
    kept?.look.end();
  }
}

function counted(names: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
