/** What one end has said to the other over one connection. */
export interface Flow {
  readonly from: string;
  readonly to: string;
  readonly ports: readonly [number, number];
  readonly bytes: Buffer;
}

/** What crossed a wire: TCP flows, and the names of whatever else there was. */
export interface Crossed {
  readonly flows: readonly Flow[];
  readonly others: ReadonlySet<string>;
}

const [IPV4, IPV6, ARP] = [0x0800, 0x86dd, 0x0806];
const [TCP, ICMPV6] = [6, 58];

/** Sorts Ethernet frames. How machines find their neighbours (ARP, ICMPv6) is no other traffic. */
export function crossedIn(frames: readonly Buffer[]): Crossed {
  const pieces = new Map<string, Map<number, Buffer>>();
  const others = new Set<string>();
  for (const frame of frames) {
    const packet = frame.subarray(14);
    const type = frame.readUInt16BE(12);
    if (type === ARP || (type === IPV6 && (packet[6] === ICMPV6 || packet[40] === ICMPV6))) continue;
    const protocol = packet[9] ?? 0;
    if (type !== IPV4 || protocol !== TCP) {
      others.add(`type ${type.toString(16)}, protocol ${protocol}`);
      continue;
    }
    const [from, to] = [12, 16].map((at) => packet.subarray(at, at + 4).join("."));
    const segment = packet.subarray(4 * ((packet[0] ?? 0) & 15), packet.readUInt16BE(2) || packet.length);
    const name = `${from} ${to} ${segment.readUInt16BE(0)} ${segment.readUInt16BE(2)}`;
    const payload = segment.subarray(4 * ((segment[12] ?? 0) >> 4));
    const flow = pieces.get(name) ?? new Map<number, Buffer>();
    pieces.set(name, flow);
    // Sent again: the same numbers.
    if (payload.length > 0) flow.set(segment.readUInt32BE(4), payload);
  }
  const flows = [...pieces].map(([name, found]) => {
    const [from = "", to = "", ...ports] = name.split(" ");
    return {
      from,
      to,
      ports: [Number(ports[0]), Number(ports[1])] as const,
      bytes: Buffer.concat([...found.values()]),
    };
  });
  return { flows, others };
}
