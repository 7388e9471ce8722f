import type { StoreReplicas } from "@mpo/transport";
import { type FleetPlace, openFleetStore } from "../backup/fleet-store.ts";

/** Compares what each server of a cluster holds, with the keys of the fleet. */
export async function compareCopies(place: FleetPlace): Promise<StoreReplicas> {
  await using store = await openFleetStore(place);
  return await store.copy.replicas({ signal: place.signal });
}
