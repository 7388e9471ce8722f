export { type Invitation, joinString, readJoinString } from "./join-string.ts";
export { createJoinSecret, createOperatorToken, hashSecret, isHashOf } from "./secret.ts";
