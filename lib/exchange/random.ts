/** A stream of numbers that depends on its seed only. */
export interface Random {
  /** A whole number from 0 to below `bound`, which is at most 2^32. */
  below(bound: number): number
}

/** A seeded generator (mulberry32): good enough for prices that only have to look alive, and the same on every machine. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return {
    below(bound) {
      state = (state + 0x6d2b79f5) >>> 0
      let mixed = Math.imul(state ^ (state >>> 15), state | 1)
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
      return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
    }
  }
}
