/**
 * How pixels outside an image are read: `edge` repeats the last pixel, `reflect` mirrors with the last pixel repeated
 * (dcba|abcd|dcba), `mirror` mirrors around it (dcb|abcd|cba).
 */
export type Border = "edge" | "reflect" | "mirror";

/** The index in 0..length-1 that any index reads. */
export function borderIndex(index: number, length: number, border: Border): number {
  if (index >= 0 && index < length) return index;
  if (border === "edge") return index < 0 ? 0 : length - 1;
  const repeated = Number(border === "reflect");
  const period = Math.max(1, 2 * (length - 1 + repeated));
  const inside = ((index % period) + period) % period;
  return inside < length ? inside : period - repeated - inside;
}
