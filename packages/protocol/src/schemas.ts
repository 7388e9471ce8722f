// Parts of messages, for records that hold them.
export { adaptationFacts, signature } from "./messages/adaptation.ts";
export { event } from "./messages/admin.ts";
export {
  artifactVersion,
  conditions,
  deviceIdentity,
  doing,
  instance,
  inventory,
  labels,
  resources,
  servedModels,
} from "./messages/device.ts";
export { documentVersion } from "./messages/document.ts";
export { documentStatus, probeFailure } from "./messages/report.ts";
export { forecast, leftOut, plannedShare, stateCount } from "./messages/rollout.ts";
export { savedGroup } from "./messages/selection.ts";
