import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
const KEY = "mpo-theme";

/** What a person has chosen; "system": as their system is. */
export const theme = signal<Theme>(stored());

function stored(): Theme {
  const found = localStorage.getItem(KEY);
  return found === "light" || found === "dark" ? found : "system";
}

export function chooseTheme(chosen: Theme): void {
  localStorage.setItem(KEY, chosen);
  theme.value = chosen;
  showTheme();
}

export function showTheme(): void {
  const { dataset } = document.documentElement;
  if (theme.value === "system") delete dataset["theme"];
  else dataset["theme"] = theme.value;
}
