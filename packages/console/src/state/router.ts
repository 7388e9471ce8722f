import { type ReadonlySignal, signal } from "@preact/signals";

/** Where the page is. */
export interface Place {
  /** Each decoded: ["devices", "pi-7"]. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

const place = signal<Place>(placeOf(location));
/** Of navigations by the page itself: only then is focus moved. */
const moves = signal(0);

export const here: ReadonlySignal<Place> = place;
export const moveCount: ReadonlySignal<number> = moves;

function placeOf({ pathname, search }: Pick<Location, "pathname" | "search">): Place {
  const parts = pathname.split("/").filter((part) => part !== "");
  return { parts: parts.map(decoded), query: new URLSearchParams(search) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Goes to an address of this page. */
export function go(path: string, { replace = false }: { readonly replace?: boolean } = {}): void {
  const { origin } = location;
  const to = new URL(path, origin);
  if (to.origin !== origin) return;
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  const isOther = to.pathname !== `/${place.peek().parts.map(encodeURIComponent).join("/")}`;
  place.value = placeOf(to);
  if (!isOther) return;
  window.scrollTo(0, 0);
  moves.value += 1;
}

/** Takes over links of this page, and the browser's own buttons, for as long as the page is open. */
export function startRouter(): () => void {
  const onClick = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || link.target !== "" || link.hasAttribute("download")) return;
    const to = new URL(link.href, location.href);
    if (to.origin !== location.origin || /^\/(?:api|session)(?:\/|$)/u.test(to.pathname)) return;
    // Of this very place: the browser goes there.
    if (to.hash !== "" && to.pathname === location.pathname && to.search === location.search) return;
    event.preventDefault();
    go(to.pathname + to.search + to.hash);
  };
  const onPop = (): void => {
    place.value = placeOf(location);
    moves.value += 1;
  };
  document.addEventListener("click", onClick);
  addEventListener("popstate", onPop);
  return () => {
    document.removeEventListener("click", onClick);
    removeEventListener("popstate", onPop);
  };
}
