import type { VNode } from "preact";
import { chooseTenant, signOut } from "../state/session.ts";
import { tenant, who } from "../state/who.ts";
import { announce } from "../ui/announce.tsx";
import { chooseTheme, type Theme, theme } from "./theme.ts";

/** Who is signed in, whose devices are shown, light or dark, and the way out. */
export function Account(): VNode | null {
  const person = who.value;
  if (person === null || person === undefined) return null;
  const onTenant = (event: SubmitEvent): void => {
    event.preventDefault();
    const name = new FormData(event.currentTarget as HTMLFormElement).get("tenant");
    if (typeof name === "string" && name !== "") chooseTenant(name);
  };
  const onOut = (): void => {
    signOut().catch((thrown: Error) => announce(`Signing out failed: ${thrown.message}`));
  };
  return (
    <details class="account">
      <summary>
        <span class="name">{person.name}</span> <span class="faint">({person.role})</span>
      </summary>
      <div class="menu">
        {person.tenant === undefined ? (
          <form onSubmit={onTenant} class="inline">
            <label>
              Tenant{" "}
              <input name="tenant" required pattern="[A-Za-z0-9_\-]{1,64}" value={tenant.value} key={tenant.value} />
            </label>
            <button type="submit">Show</button>
          </form>
        ) : (
          <p>Tenant {person.tenant}</p>
        )}
        <fieldset>
          <legend>Colours</legend>
          {(["system", "light", "dark"] as const satisfies readonly Theme[]).map((one) => (
            <label key={one}>
              <input type="radio" name="theme" checked={theme.value === one} onChange={() => chooseTheme(one)} />{" "}
              {one === "system" ? "as the system" : one}
            </label>
          ))}
        </fieldset>
        <button type="button" onClick={onOut}>
          Sign out
        </button>
      </div>
    </details>
  );
}
