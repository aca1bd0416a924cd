import type { ControlView, Refusal } from './state.ts';

export type ChangeResult =
  | { readonly kind: 'done'; readonly view: ControlView }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly view: ControlView };
