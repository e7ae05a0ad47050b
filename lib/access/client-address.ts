import { BlockList, isIP, isIPv6 } from 'node:net'

/** The proxies whose word is taken for a client's address. */
export class TrustedProxies {
  readonly #list = new BlockList()

  /** @param ranges addresses and CIDR ranges that {@link isRange} accepts */
  constructor(ranges: Iterable<string>) {
    for (const range of ranges) {
      const [address = '', bits] = range.split('/')
      const family = isIPv6(address) ? 'ipv6' : 'ipv4'
      if (bits === undefined) this.#list.addAddress(address, family)
      else this.#list.addSubnet(address, Number(bits), family)
    }
  }

  /**
   * The client's address: the rightmost one of the connection and `X-Forwarded-For` that is no trusted proxy's. What stands left of it
   * was written by somebody who is not trusted, so it is never looked at. Where the chain breaks off, the last proxy stands for it.
   */
  clientOf(peer: string, forwardedFor: string | undefined): string {
    let client = plainAddress(peer)
    if (client === undefined) return 'unknown'
    // A list of any length may come; each trusted hop takes one entry of it.
    let rest = forwardedFor ?? ''
    while (this.#trusts(client) && rest !== '') {
      const at = rest.lastIndexOf(',')
      const next = plainAddress(rest.slice(at + 1))
      if (next === undefined) break
      client = next
      rest = at < 0 ? '' : rest.slice(0, at)
    }
    return client
  }

  #trusts(address: string): boolean {
    return this.#list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  }
}

/** Whether a text is an address or a CIDR range. */
export function isRange(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

/** What one client's connections are counted under: an IPv4 address, or the /64 of an IPv6 one, all of which one client may use. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right]
  return `${groups
    .slice(0, 4)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i
const WITH_PORT = /^(?:\[([^\]]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$/

/** An address without brackets, port and zone, an IPv4 one in its own form; undefined for anything else. */
function plainAddress(text: string): string | undefined {
  const trimmed = text.trim()
  const [, bracketed, withPort] = WITH_PORT.exec(trimmed) ?? []
  const [bare = ''] = (bracketed ?? withPort ?? trimmed).split('%')
  const address = MAPPED.exec(bare)?.[1] ?? bare
  return isIP(address) === 0 ? undefined : address.toLowerCase()
}
