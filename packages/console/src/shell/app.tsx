import type { VNode } from "preact";
import { useEffect } from "preact/hooks";
import { call } from "../api/call.ts";
import { followEvents, liveState } from "../state/live.ts";
import { here } from "../state/router.ts";
import { tenant, who } from "../state/who.ts";
import { Announcements } from "../ui/announce.tsx";
import { Account } from "./account.tsx";
import { PLACES, pageAt } from "./places.tsx";
import { SignIn } from "./sign-in.tsx";

/** The whole page: whoever is not signed in is asked to, and is then where they wanted to be. */
export function App(): VNode {
  const person = who.value;
  const isIn = person !== null && person !== undefined;
  const { value: name } = tenant;
  useEffect(() => {
    if (!isIn) return undefined;
    const isStillIn = (): Promise<boolean> => call("whoAmI", {}).then(() => true);
    return followEvents(name, isStillIn);
  }, [isIn, name]);
  if (person === undefined) return <main class="alone" />;
  if (person === null)
    return (
      <>
        <SignIn />
        <Announcements />
      </>
    );
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="bar">
        <a class="brand" href="/">
          MPOptimizer
        </a>
        <Navigation />
        <Liveness />
        <Account />
      </header>
      <main id="main" tabIndex={-1}>
        {pageAt(here.value)}
      </main>
      <Announcements />
    </>
  );
}

function Navigation(): VNode {
  const first = here.value.parts[0] ?? "";
  return (
    <nav aria-label="Pages">
      <ul>
        {PLACES.map(({ path, title }) => (
          <li key={path}>
            <a href={`/${path}`} {...(first === path ? { "aria-current": "page" } : {})}>
              {title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

const LIVENESS = {
  connecting: "connecting…",
  live: "live",
  lost: "connection lost; trying again",
} as const;

/** Whether what is shown changes by itself. */
function Liveness(): VNode {
  const state = liveState.value;
  return (
    <p class={`liveness ${state}`} role="status">
      {LIVENESS[state]}
    </p>
  );
}
