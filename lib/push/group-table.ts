import type { Entry } from './board-table.ts'
import { FieldSet } from './field-set.ts'
import { Group, type GroupContext } from './group.ts'
import type { Member } from './member.ts'
import { rowFormatOf } from './row-formats.ts'
import { type Signature, signatureId } from './signature.ts'

/** The live groups by sid. A group exists while it has members; bounded by connections times subscriptions. */
export class GroupTable {
  readonly #groups = new Map<string, Group>()
  /** Groups with patterns: a new instrument may join them. */
  readonly #patterned = new Set<Group>()
  readonly #fieldSets = new Map<string, { fields: FieldSet; groups: number }>()
  readonly #context: GroupContext

  constructor(context: GroupContext) {
    this.#context = context
  }

  get size(): number {
    return this.#groups.size
  }

  values(): Iterable<Group> {
    return this.#groups.values()
  }

  /** The group of a signature; made when it is not there. Whoever opens it must join it in the same turn. */
  open(signature: Signature): Group {
    const sid = signatureId(signature)
    const live = this.#groups.get(sid)
    if (live !== undefined) return live
    const group = new Group(sid, signature, this.#shareFields(signature), this.#context)
    this.#groups.set(sid, group)
    if (signature.patterns.length > 0) this.#patterned.add(group)
    return group
  }

  leave(group: Group, member: Member): void {
    group.leave(member)
    if (group.size > 0 || this.#groups.get(group.sid) !== group) return
    this.#groups.delete(group.sid)
    this.#patterned.delete(group)
    this.#unshareFields(group.signature)
    group.release()
  }

  /** A new instrument joins every group with a pattern that meets it. */
  offer(entry: Entry): void {
    for (const group of this.#patterned) group.offer(entry)
  }

  /** Groups with the same fields in the same format share their field set, and through it the rendered rows. */
  #shareFields(signature: Signature): FieldSet {
    const name = fieldSetName(signature)
    const fresh = () => new FieldSet(signature.fields, rowFormatOf(signature))
    const shared = this.#fieldSets.get(name) ?? { fields: fresh(), groups: 0 }
    shared.groups++
    this.#fieldSets.set(name, shared)
    return shared.fields
  }

  #unshareFields(signature: Signature): void {
    const name = fieldSetName(signature)
    const shared = this.#fieldSets.get(name)
    if (shared === undefined || --shared.groups > 0) return
    this.#fieldSets.delete(name)
    // An instrument without updates would keep the texts for ever.
    this.#context.board.forget(shared.fields)
  }
}

function fieldSetName(signature: Signature): string {
  return `${rowFormatOf(signature).name} ${signature.fields.join()}`
}
