/** What the exit codes mean: @mpo/runtime's, in words for `--help`. */
export const EXIT_CODE_HELP = `Exit codes:
  0    done
  1    a bug, or a worker that crashed: trying again as is will not help
  2    an argument or a setting is wrong, or asks for something that is not supported
  3    a file does not hold what it should
  4    something is not there, is there already, or is not in the right state
  5    it does not fit into the memory or time that was given
  6    the other side does not answer, or the disk is full: trying later may help
  7    one side does not accept who the other is
  8    the other side knows who we are, and does not allow it
  9    a rollout that was waited for has halted, and waits for a person
  10   a rollout that was waited for was bad, and its devices have been given back what they had
  130  interrupted (Ctrl-C)`;

/** The exit codes of commands that ask a coordinator, in words for `--help`. */
export const FLEET_EXIT_CODES = `Exit codes: 0 done; 2 a wrong argument; 4 there is no such device, profile or document, or it has changed
meanwhile; 5 nothing fits the budget; 6 the coordinator does not answer; 7 it does not accept who you are, or is another
one; 8 you may not do this; 130 interrupted.`;

/** What `--wait` of a rollout ends with, in words for `--help`. */
export const ROLLOUT_EXIT_CODES = `With --wait, the exit code says how it went: 0 all waves have passed; 4 it was stopped, or is in conflict; 6 it takes
longer than that; 9 it has halted, and waits for a person; 10 it was rolled back; 130 interrupted. Whatever ends the
waiting, the rollout continues.`;
