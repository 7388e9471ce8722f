import { MpoError } from "@mpo/core";

/**
 * Which calls and fields of `mpo.v1` a release knows; raised with each release that adds some. A peer that says none is of
 * release 0.1.
 *
 * | protocol | release | adds |
 * | --- | --- | --- |
 * | 1 | 0.1 | |
 * | 2 | 0.2 | a device gives the document that it runs by, when it is asked |
 * | | | a device says which methods it may run, and runs those that rungs are for |
 *
 * Fields that a release does not know are left out by it. A word of an enumeration that it does not know is read as OTHER,
 * where there is that word, and else refused: so a new one is only sent to a peer whose protocol has it.
 */
export const PROTOCOL = 2;

/** Of the release before, which still works with this one. */
export const OLDEST_PROTOCOL = 1;

/** The first in which devices give their documents. */
export const GIVES_DOCUMENTS = 2;

/** Throws `precondition-failed` for a peer that is more than one release older. */
export function requireProtocol(protocol: number = 1, oldest: number = OLDEST_PROTOCOL): void {
  if (protocol >= oldest) return;
  throw new MpoError(
    "precondition-failed",
    `this agent speaks protocol ${protocol}; this coordinator needs ${oldest}`,
    {
      hint: "Upgrade the agent: coordinators and agents work together one release apart.",
    },
  );
}
