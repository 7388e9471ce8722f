import { ADMIN_SERVICE, type AdminServiceMethods } from "@mpo/protocol";
import { type ClientOf, createServiceClient, type ServiceClientOptions, spread } from "./service-client.ts";

/** What people and programs ask of a coordinator. Calls that may be made twice are repeated. */
export interface AdminClient extends ClientOf<AdminServiceMethods> {
  close(): void;
}

const REPEATABLE: ReadonlySet<keyof AdminServiceMethods> = new Set<keyof AdminServiceMethods>([
  "listDevices",
  "getDevice",
  "listResources",
  "listProfiles",
  "getProfile",
  "getConfig",
  "explainConfig",
  "tryBudget",
  "listEvents",
  "whoAmI",
  "getAuthority",
  "listEnrolments",
  "listJoinTokens",
  "listAccessTokens",
  "refreshDevice",
  "getRollout",
  "listRollouts",
  "listRolloutDevices",
  "findMissingChunks",
  "putChunk",
  "publishModel",
  "listPublishedModels",
  "getPublishedModel",
]);

/** Connects when the first call is made; never throws itself. */
export function createAdminClient(options: ServiceClientOptions): AdminClient {
  const { calls, channel } = createServiceClient(ADMIN_SERVICE, (name) => REPEATABLE.has(name), spread(options));
  return { ...calls, close: () => channel.close() };
}
