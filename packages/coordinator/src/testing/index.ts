export { tinyChain, tinyProfile } from "./tiny-chain.ts";
export { eventually, freshServer, helloOf, identityOf, reportOf, startCoordinator } from "./tiny-fleet.ts";
