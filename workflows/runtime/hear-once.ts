import { defineSignal, setHandler } from '@temporalio/workflow';

/** Listens for signals of which the first says it all: what comes later is left unread, so that a burst costs no computing. */
export function hearOnce<Name extends string>(
  names: readonly Name[],
  does: string,
  heard: (name: Name) => void,
): void {
  const defined = names.map((name) => ({ name, signal: defineSignal<[unknown?]>(name) }));
  for (const { name, signal } of defined)
    setHandler(
      signal,
      () => {
        for (const one of defined) setHandler(one.signal, undefined);
        heard(name);
      },
      { description: `${name}: ${does}` },
    );
}
