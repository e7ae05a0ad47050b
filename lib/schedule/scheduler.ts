import {
  type BufferPressure,
  type FetchDone,
  type FetchDue,
  PRESSURE_REPEAT_MS,
  type PressureLevel
} from '../quote/events.ts'
import type { Micros } from '../quote/quote.ts'
import type { Clock } from './clock.ts'
import type { Job } from './job.ts'
import { type SettledSlot, type SlotCounts, SlotLedger } from './slot-ledger.ts'
import { SlotTimer } from './slot-timer.ts'
import { deadlineOf, missedAfter, nextSlot } from './slots.ts'
import { WantedKeys, type WantedStats } from './wanted-keys.ts'

export interface SchedulerOptions {
  clock: Clock
  jobs: readonly Job[]
  /** Hands a due fetch to the work queue; resolves when it is stored there. */
  send: (due: FetchDue) => Promise<void>
}

/** A job with its account. */
export interface JobReport extends SlotCounts {
  job: string
  intervalMs: number
  instruments: number
  paused: boolean
  /** By `outcome(reason)`. */
  reasons: Record<string, number>
  recent: SettledSlot[]
}

export interface SchedulerStats {
  slots: SlotCounts
  jobs: number
  paused: number
  clockJumps: number
  /** Ends reported for slots that were already counted. */
  unexpected: number
  wanted: WantedStats
  /** What the buffer last said of its groups. */
  pressure: Record<string, { lag: number; level: PressureLevel }>
  /** Of how many slots one is fetched, for that. */
  stretch: number
  /** Reports of a group that was far behind. */
  highPressure: number
}

/** Unfinished slots of one job; more are skipped. */
const MAX_OPEN = 16

/** At start a job whose next slot is further away than this fires at once. */
const PATIENCE_MS = 500

const MAX_GROUPS = 32

/** Of how many slots one is fetched while a group is behind. */
const STRETCH = { none: 1, warn: 2, high: 4 } as const satisfies Record<PressureLevel, number>

/** A level that was not told again for so long is over: who told it has ended. */
const PRESSURE_LASTS = 3 * PRESSURE_REPEAT_MS * 1_000

/** Decides what is fetched when, and accounts for every slot. */
export class Scheduler {
  readonly #clock: Clock
  readonly #jobs: ReadonlyMap<string, Job>
  readonly #send: SchedulerOptions['send']
  readonly #ledger = new SlotLedger()
  readonly #timer: SlotTimer
  readonly #paused = new Set<string>()
  readonly #wanted: WantedKeys
  readonly #pressure = new Map<string, { lag: number; level: PressureLevel; heard: Micros }>()
  #highPressure = 0
  #started = false

  constructor({ clock, jobs, send }: SchedulerOptions) {
    this.#clock = clock
    this.#jobs = new Map(jobs.map(job => [job.name, job]))
    this.#send = send
    this.#wanted = new WantedKeys(jobs, clock)
    this.#timer = new SlotTimer(clock, {
      onDue: (job, slot) => this.#due(job, slot),
      onMissed: (job, count, last) => {
        if (!this.#paused.has(job.name)) this.#ledger.miss(job.name, count, last, 'stalled')
      },
      onWake: now => this.#ledger.expire(now)
    })
  }

  /**
   * Begins. Who waits for data should not wait for the first slot: a job of up to a second fires the slot that it is in
   * if the next one is not near, a slower one fires now, outside its slots. Idempotent.
   */
  start(): void {
    if (this.#started) return
    this.#started = true
    const now = this.#clock.now()
    for (const job of this.#jobs.values()) {
      const next = nextSlot(job, now)
      if (next - now <= PATIENCE_MS * 1_000) continue
      this.#fire(job, job.intervalMs <= 1_000 ? next - job.intervalMs * 1_000 : now)
    }
    this.#timer.start([...this.#jobs.values()])
  }

  /** Nothing is due any more. Idempotent. */
  stop(): void {
    this.#timer.stop()
  }

  /** A fetcher reports how a slot ended. */
  done({ job, slot, outcome, reason }: Pick<FetchDone, 'job' | 'slot' | 'outcome' | 'reason'>): void {
    if (this.#wanted.done(job)) return
    this.#ledger.settle(job, slot, outcome, reason ?? null)
  }

  /** Someone asks for a key out of turn. @returns whether it is fetched. */
  want(key: string): boolean {
    const due = this.#wanted.take(key)
    if (due === undefined) return false
    this.#send(due).catch(() => this.#wanted.failed())
    return true
  }

  /** The buffer reports a group. While one is behind, slots are left out: all of them, as each group gets everything. */
  press({ stream, group, lag, level }: BufferPressure): void {
    const id = `${stream}/${group}`
    if (level === 'high') this.#highPressure++
    if (!this.#pressure.has(id) && this.#pressure.size >= MAX_GROUPS) return
    this.#pressure.set(id, { lag, level, heard: this.#clock.now() })
  }

  /** @returns false for a job that does not exist. */
  pause(name: string): boolean {
    if (!this.#jobs.has(name)) return false
    this.#paused.add(name)
    return true
  }

  /** @returns false for a job that does not exist. */
  resume(name: string): boolean {
    this.#paused.delete(name)
    return this.#jobs.has(name)
  }

  /**
   * Fetches a job now, outside its slots, paused or not.
   * @returns the slot's time, or undefined for a job that does not exist.
   */
  run(name: string): Micros | undefined {
    const job = this.#jobs.get(name)
    if (job === undefined) return undefined
    const slot = this.#clock.now()
    this.#fire(job, slot)
    return slot
  }

  jobs(): JobReport[] {
    return [...this.#jobs.values()].map(({ name, intervalMs, keys }) => ({
      job: name,
      intervalMs,
      instruments: keys.length,
      paused: this.#paused.has(name),
      ...this.#ledger.counts(name),
      reasons: this.#ledger.reasons(name),
      recent: this.#ledger.recent(name)
    }))
  }

  stats(): SchedulerStats {
    return {
      slots: this.#ledger.totals(),
      jobs: this.#jobs.size,
      paused: this.#paused.size,
      clockJumps: this.#timer.jumps,
      unexpected: this.#ledger.unexpected,
      wanted: this.#wanted.stats(),
      pressure: Object.fromEntries([...this.#pressure].map(([id, { lag, level }]) => [id, { lag, level }])),
      stretch: this.#stretch(),
      highPressure: this.#highPressure
    }
  }

  #due(job: Job, slot: Micros): void {
    if (this.#paused.has(job.name)) return
    // The previous slot is neither done nor past its deadline: another tick would only queue behind it.
    if (this.#ledger.beginning(job.name, this.#clock.now()) > 0) this.#ledger.skip(job.name, slot, 'overlap')
    else if (this.#isLeftOut(job, slot)) this.#ledger.skip(job.name, slot, 'pressure')
    else this.#fire(job, slot)
  }

  #isLeftOut({ intervalMs }: Job, slot: Micros): boolean {
    return Math.floor(slot / (intervalMs * 1_000)) % this.#stretch() !== 0
  }

  #stretch(): number {
    const oldest = this.#clock.now() - PRESSURE_LASTS
    let stretch = 1
    for (const { level, heard } of this.#pressure.values()) {
      if (heard > oldest) stretch = Math.max(stretch, STRETCH[level])
    }
    return stretch
  }

  #fire(job: Job, slot: Micros): void {
    const due: FetchDue = {
      job: job.name,
      source: job.source,
      request: { channel: job.channel, keys: [...job.keys] },
      slot,
      deadline: deadlineOf(job, slot)
    }
    if (this.#ledger.counts(job.name).pending >= MAX_OPEN) {
      this.#ledger.skip(job.name, slot, 'backlog')
      return
    }
    this.#ledger.open(job.name, { slot, deadline: due.deadline, missedAfter: missedAfter(due) })
    this.#send(due).catch(() => this.#ledger.settle(job.name, slot, 'failed', 'publish'))
  }
}
