import { MpoError } from "@mpo/core";
import { render } from "preact";
import { App } from "./shell/app.tsx";
import { showTheme } from "./shell/theme.ts";
import { startClock } from "./state/clock.ts";
import { startRouter } from "./state/router.ts";
import { resumeSession, signIn } from "./state/session.ts";
import { signedOut, who } from "./state/who.ts";
import { announce } from "./ui/announce.tsx";

/** A one-time code in the address is used at once, and leaves no trace in it. */
function codeIn({ hash, pathname, search }: Location): string | undefined {
  const code = new URLSearchParams(hash.slice(1)).get("code");
  if (code === null) return undefined;
  history.replaceState(null, "", pathname + search);
  return code;
}

async function begin(): Promise<void> {
  const code = codeIn(location);
  try {
    if (code === undefined) await resumeSession();
    else await signIn({ code });
  } catch (thrown) {
    const { message, hint = "" } = MpoError.from(thrown);
    announce(`${message}. ${hint}`);
    if (who.peek() === undefined) signedOut();
  }
}

showTheme();
startClock();
startRouter();
const root = document.getElementById("app");
if (root !== null) {
  render(<App />, root);
  void begin();
}
