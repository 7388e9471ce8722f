export { progressPartForm, type RolloutRecord, rolloutForm } from "../rollouts/rollout-record.ts";
export { approveDevice, OIDC_CLIENT, OidcRoom } from "./oidc-room.ts";
export { tinyChain, tinyProfile } from "./tiny-chain.ts";
export { eventually, freshServer, helloOf, identityOf, reportOf, startCoordinator } from "./tiny-fleet.ts";
