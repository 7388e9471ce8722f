import { checked, fact, MAX_COUNT } from "@mpo/core";
import { type Instance, MAX_EARLIER } from "@mpo/protocol";
import type { AgentPorts } from "./agent-ports.ts";

const FILE = "starts";
const { list, name, object, whole } = fact;
const starts = object({ count: whole(1, MAX_COUNT), ids: list(name(), 1, MAX_EARLIER) });

/**
 * Writes a start down before anybody hears of it, and returns from which starts it continues: a copy of this disk
 * continues from the same ones, which is how the two are told from one machine.
 */
export async function noteStart(
  instanceId: string,
  { disk, logger }: Pick<AgentPorts, "disk" | "logger">,
): Promise<Pick<Instance, "startCount" | "earlierIds">> {
  try {
    const { count, ids } = await readStarts(disk);
    const next = { count: Math.min(count + 1, MAX_COUNT), ids: [instanceId, ...ids].slice(0, MAX_EARLIER) };
    await disk.write(FILE, Buffer.from(JSON.stringify(next)));
    return { startCount: next.count, ...(ids.length > 0 && { earlierIds: ids }) };
  } catch (thrown) {
    logger.warn("the start could not be written down", { err: thrown });
    return { startCount: 0 };
  }
}

async function readStarts(
  disk: AgentPorts["disk"],
): Promise<{ readonly count: number; readonly ids: readonly string[] }> {
  const content = await disk.read(FILE);
  try {
    if (content !== undefined) return checked(starts, JSON.parse(Buffer.from(content).toString("utf8")), FILE);
  } catch {
    // As if the folder were new: who speaks is then decided without it.
  }
  return { count: 0, ids: [] };
}
