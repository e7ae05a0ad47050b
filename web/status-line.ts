import type { Status } from '../client/index.ts'
import { element } from './element.ts'

const MAX_TROUBLES = 5

/** How the page's connection is doing, and the sources and instruments that are not ok. */
export class StatusLine {
  readonly #state = element('state')
  readonly #badge = element('troubles')
  /** The gateway says them again on each connection. */
  readonly #troubles = new Map<string, string>()
  #rows = 0
  #gaps = 0

  show(text: string, isLive = false): void {
    this.#state.toggleAttribute('data-live', isLive)
    this.#state.textContent = text
  }

  take({ id, state }: Status): void {
    if (state === 'ok') this.#troubles.delete(id)
    else this.#troubles.set(id, state)
    this.#drawTroubles()
  }

  forgetTroubles(): void {
    this.#troubles.clear()
    this.#drawTroubles()
  }

  countRows(rows: number): void {
    this.#rows += rows
  }

  countGap(): void {
    this.#gaps++
    element('gaps').hidden = false
    element('gaps').textContent = `${this.#gaps} gaps repaired`
  }

  /** A second has gone by. */
  tick(): void {
    element('rate').textContent = String(this.#rows)
    this.#rows = 0
  }

  #drawTroubles(): void {
    const texts = [...this.#troubles].map(([id, state]) => `${id}: ${state}`)
    if (texts.length > MAX_TROUBLES) texts.splice(MAX_TROUBLES, texts.length, `and ${texts.length - MAX_TROUBLES} more`)
    this.#badge.hidden = texts.length === 0
    this.#badge.textContent = texts.join(', ')
  }
}
