/** A group of servers that keep something together, as one of them sees it. */
export interface GroupView {
  leader: string | undefined
  /** All its servers but the one that was asked. */
  others: readonly string[]
  /** Of a stream: the last sequence that this server has stored. */
  lastSequence: number
}

/** By `meta`, which keeps what streams and consumers there are, by a stream's name, or by `<stream> <consumer>`. */
export type JetStreamView = ReadonlyMap<string, GroupView>

interface Cluster {
  leader?: string
  replicas?: { name: string }[]
}

/** What of `/jsz` is read here. */
interface Jsz {
  meta_cluster?: Cluster
  account_details?: {
    stream_detail?: {
      name: string
      cluster?: Cluster
      state?: { last_seq: number }
      consumer_detail?: { name: string; cluster?: Cluster }[]
    }[]
  }[]
}

/** What a nats-server sees of JetStream in its cluster, by its monitoring port on 127.0.0.1. Empty while it does not answer. */
export async function viewJetStream(monitorPort: number): Promise<JetStreamView> {
  const view = new Map<string, GroupView>()
  const add = (id: string, { leader, replicas = [] }: Cluster = {}, lastSequence = 0) =>
    view.set(id, { leader, others: replicas.map(({ name }) => name), lastSequence })
  const jsz = await readJsz(monitorPort)
  if (jsz === undefined) return view
  add('meta', jsz.meta_cluster)
  for (const { stream_detail: streams = [] } of jsz.account_details ?? []) {
    for (const { name, cluster, state, consumer_detail: consumers = [] } of streams) {
      add(name, cluster, state?.last_seq)
      for (const consumer of consumers) add(`${name} ${consumer.name}`, consumer.cluster)
    }
  }
  return view
}

async function readJsz(port: number): Promise<Jsz | undefined> {
  const url = `http://127.0.0.1:${port}/jsz?accounts=true&streams=true&consumers=true`
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) })
    return (await response.json()) as Jsz
  } catch {
    return undefined
  }
}
