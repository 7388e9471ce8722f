export { type Invitation, joinString, loginString, readJoinString, readLoginString } from "./invitation.ts";
export { type LocalJoin, localJoinFile, readLocalJoin, writeLocalJoin } from "./local-join.ts";
export { createJoinSecret, createOperatorToken, hashSecret } from "./secret.ts";
