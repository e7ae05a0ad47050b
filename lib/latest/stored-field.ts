import { carries, GROUP_NAMES, type Quote } from '../quote/quote.ts'

/**
 * The field of an instrument's hash under which a quote competes, e.g. `trade+book|@ticker`: with the quotes of its channel that
 * carry the same groups. The newest of these is the newest of each of its groups among them, so that a quote is stored once and not
 * once a group; which of several fields is shown for a group is told by the merge of what they hold. Empty for a quote without a
 * group.
 */
export function storedField(quote: Quote): string {
  const groups = GROUP_NAMES.filter(group => carries(quote, group))
  return groups.length === 0 ? '' : `${groups.join('+')}|${quote.src.channel}`
}
