import type { AdminServiceMethods, Role } from "@mpo/protocol";

interface Access {
  readonly role: Role;
  /** Whether it concerns one tenant, which the request names, or the whole fleet. */
  readonly of: "tenant" | "fleet";
}

const SEE: Access = { role: "viewer", of: "tenant" };
const SEE_ALL: Access = { role: "viewer", of: "fleet" };
const CHANGE: Access = { role: "operator", of: "tenant" };
const ADMIT: Access = { role: "admin", of: "tenant" };
const RULE: Access = { role: "admin", of: "fleet" };

/** What each call of the Admin service needs. A call that is not here does not compile. */
export const ADMIN_ACCESS: Readonly<Record<keyof AdminServiceMethods, Access | "anybody">> = {
  whoAmI: "anybody",
  // Its code is good for what the caller may do already.
  createConsoleCode: "anybody",
  listDevices: SEE,
  getDevice: SEE,
  listResources: SEE,
  listGroups: SEE,
  listProfiles: SEE,
  getProfile: SEE,
  getConfig: SEE,
  explainConfig: SEE,
  tryBudget: SEE,
  listEvents: SEE,
  watchEvents: SEE,
  verifyEvents: SEE_ALL,
  listEnrolments: SEE,
  listPublishedModels: SEE,
  getPublishedModel: SEE,
  listAdaptations: SEE,
  getRollout: SEE,
  listRollouts: SEE,
  listRolloutDevices: SEE,
  planRollout: CHANGE,
  changeRollout: CHANGE,
  removeRollout: CHANGE,
  refreshDevice: CHANGE,
  probeDevice: CHANGE,
  pushConfig: CHANGE,
  rollbackConfig: CHANGE,
  labelDevice: CHANGE,
  findMissingChunks: CHANGE,
  putChunk: CHANGE,
  publishModel: CHANGE,
  removePublishedModel: CHANGE,
  removeAdaptation: CHANGE,
  saveGroup: CHANGE,
  removeGroup: CHANGE,
  retireDevice: ADMIT,
  removeDevice: ADMIT,
  renameDevice: ADMIT,
  decideEnrolment: ADMIT,
  decideDevice: ADMIT,
  preauthoriseDevices: ADMIT,
  createJoinTokens: ADMIT,
  listJoinTokens: ADMIT,
  revokeJoinToken: ADMIT,
  // Its certificates are public: they are what others are to trust.
  getAuthority: "anybody",
  createAccessToken: RULE,
  listAccessTokens: RULE,
  revokeAccessToken: RULE,
  rotateAuthority: RULE,
  rotateKeys: RULE,
  installKeys: RULE,
};
