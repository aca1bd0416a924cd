import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type Tagged =
  | { readonly kind: 'made' | 'there' }
  /** There is none, or no git; why, as a sentence. */
  | { readonly kind: 'noRepository'; readonly reason: string }
  /** Git does not work in this repository. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** The tag is there with other words, which are never overwritten. */
  | { readonly kind: 'other'; readonly message: string };

/** Sets an annotated tag on HEAD. A tag with the same message is left as it is, wherever it points. Never throws. */
export async function setTag(repository: string, tag: string, message: string): Promise<Tagged> {
  try {
    return await tagged(repository, tag, message);
  } catch (error) {
    return whyNot(repository, error);
  }
}

async function tagged(repository: string, tag: string, message: string): Promise<Tagged> {
  // Git's words in English, since some are distinguished here.
  const env = { ...process.env, LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0' };
  const git = async (...args: readonly string[]) =>
    (await run('git', ['-C', repository, ...args], { env })).stdout;
  if ((await git('rev-parse', '--is-inside-work-tree')).trim() !== 'true') return noRepository(repository);
  const existing = await git('for-each-ref', '--format=%(refname:short)%0a%(contents)', `refs/tags/${tag}`);
  if (existing !== '') {
    const words = existing.slice(existing.indexOf('\n') + 1).trim();
    return words === message ? { kind: 'there' } : { kind: 'other', message: words };
  }
  await git('tag', '--annotate', '--message', message, tag);
  return { kind: 'made' };
}

function noRepository(folder: string): Tagged {
  return { kind: 'noRepository', reason: `${folder} is no git repository` };
}

function whyNot(repository: string, error: unknown): Tagged {
  const { code, stderr = '' } = error as NodeJS.ErrnoException & { readonly stderr?: string };
  if (code === 'ENOENT') return { kind: 'noRepository', reason: 'git is not installed, or not in PATH' };
  if (/not a git repository/.test(stderr)) return noRepository(repository);
  if (/dubious ownership/.test(stderr))
    return {
      kind: 'failed',
      reason: `the repository of ${repository} belongs to another user: call this as its owner, or trust it with: git config --global --add safe.directory '${repository}'`,
    };
  if (/Please tell me who you are|unable to auto-detect email|empty ident/.test(stderr))
    return {
      kind: 'failed',
      reason: 'git knows no author for it: git config --global user.name NAME, and user.email ADDRESS',
    };
  const words = stderr.split('\n').findLast((line) => line.trim() !== '') ?? String(error);
  return { kind: 'failed', reason: `git does not work in ${repository}, which it puts as: ${words.trim()}` };
}
