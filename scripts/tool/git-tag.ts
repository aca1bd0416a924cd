import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type Tagged =
  | { readonly kind: 'made' | 'there' }
  | { readonly kind: 'noRepository' }
  /** The tag is there with other words, which are never overwritten. */
  | { readonly kind: 'other'; readonly message: string };

/**
 * Sets an annotated tag on HEAD. A tag with the same message is left as it is, wherever it points.
 * @throws git's own words, e.g. where it knows no author
 */
export async function setTag(repository: string, tag: string, message: string): Promise<Tagged> {
  const git = async (...args: readonly string[]) => (await run('git', ['-C', repository, ...args])).stdout;
  const inside = await git('rev-parse', '--is-inside-work-tree').catch(() => '');
  if (inside.trim() !== 'true') return { kind: 'noRepository' };
  const existing = await git('for-each-ref', '--format=%(refname:short)%0a%(contents)', `refs/tags/${tag}`);
  if (existing !== '') {
    const words = existing.slice(existing.indexOf('\n') + 1).trim();
    return words === message ? { kind: 'there' } : { kind: 'other', message: words };
  }
  await git('tag', '--annotate', '--message', message, tag);
  return { kind: 'made' };
}
