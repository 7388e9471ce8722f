export { progressPartForm, type RolloutRecord, rolloutForm } from "../rollouts/rollout-record.ts";
export { approveDevice, browse, OIDC_CLIENT, OidcRoom } from "./oidc-room.ts";
export { tinyChain, tinyProfile } from "./tiny-chain.ts";
export {
  documentReport,
  eventually,
  freshServer,
  helloOf,
  identityOf,
  probeReport,
  RUNG,
  reportOf,
  startCoordinator,
  windowReport,
} from "./tiny-fleet.ts";
