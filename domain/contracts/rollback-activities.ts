/** What the stand-alone rollback asks of the world besides what every rollout does. */
export interface RollbackActivities {
  /** Which revision of the Deployment runs; `refused` where no Deployment is configured, or it cannot be undone. */
  deploymentRevision(): Promise<Revision>;
  /** Back to what ran before `from`. Where another revision runs by now, that was done already. */
  undoDeployment(input: UndoInput): Promise<Undone>;
}

export type Revision =
  | { readonly kind: 'revision'; readonly revision: string }
  | { readonly kind: 'refused'; readonly reason: string };

export interface UndoInput {
  /** The revision that is to be left: what makes a repeated call harmless. */
  readonly from: string;
  readonly by: string;
  readonly reason: string;
}

export type Undone =
  | { readonly kind: 'undone'; readonly revision: string; readonly says: string }
  | { readonly kind: 'refused'; readonly reason: string };
