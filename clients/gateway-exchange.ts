import { readFile } from 'node:fs/promises';
import { request } from 'undici';
import type { Problem } from '../domain/control/http.ts';
import { readTokenFile } from '../domain/core/settings.ts';

/** A bearer token: given, or in a file that the gateway writes at its first boot. */
export type TokenSource = { readonly value: string } | { readonly file: string };

/** A listener by the words that an operator knows it by, and the setting that says where it is. */
export interface Listener {
  readonly name: string;
  readonly setting: string;
  readonly url: string;
}

export interface Exchange {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a gateway answers in place of a 2xx. */
export class GatewayRefusal extends Error {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** What the answer says, without the request. */
  readonly detail: string;

  constructor(what: string, status: number, text: string) {
    const body = problemOf(text);
    const detail = detailOf(body, text);
    super(`${what} answered ${status}: ${detail}`);
    this.status = status;
    this.body = body;
    this.detail = detail;
  }

  /** A change is in force, although the gateway could not write it. */
  get inForce(): boolean {
    return this.body['inForce'] === true;
  }

  /**
   * What the request itself gets wrong, no retry can mend. All else may pass: a start, an overload, a compare-and-set
   * that somebody else won, and also 401, because a token can be put right while a rollback waits.
   */
  get isPermanent(): boolean {
    return [400, 404, 413, 415, 422].includes(this.status);
  }
}

/**
 * The JSON of a 2xx answer, which the caller's type names.
 * @throws GatewayRefusal for any other answer; Error where none comes; the signal's reason where it aborts
 */
export async function exchange(listener: Listener, asked: Exchange) {
  const { method, path, headers = {}, body = null, timeoutMs, signal } = asked;
  const deadline = AbortSignal.timeout(timeoutMs);
  const answer = await request(`${listener.url}${path}`, {
    method,
    headers: typeof body === 'string' ? { 'content-type': 'application/json', ...headers } : headers,
    body,
    signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
  }).catch((cause: unknown) => {
    signal?.throwIfAborted();
    throw new Error(describeNoAnswer(listener, method, cause), { cause });
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 200 && answer.statusCode < 300) return JSON.parse(text);
  throw new GatewayRefusal(`${method} ${path}`, answer.statusCode, text);
}

/** Read for each call: a gateway that lost its run folder writes a new token. */
export async function controlToken(source: TokenSource): Promise<string> {
  if ('value' in source) return source.value;
  const text = await readFile(source.file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const words = cause.code === 'ENOENT' ? `no control token at ${source.file}` : cause.message;
    throw new Error(`${words}: set CONTROL_TOKEN or CONTROL_TOKEN_FILE`, { cause });
  });
  return readTokenFile(text, source.file);
}

const UNCONNECTED: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Only where no connection came about is it certain that the call did nothing. */
function describeNoAnswer(
  { name, setting, url }: Listener,
  method: Exchange['method'],
  cause: unknown,
): string {
  const where = `at ${url} (${setting})`;
  const { code, message } =
    cause instanceof Error ? (cause as NodeJS.ErrnoException) : { message: String(cause) };
  if (code !== undefined && UNCONNECTED.has(code))
    return `${name} does not answer ${where}: this call changed nothing`;
  const doubt = method !== 'GET' ? '; whether the change was made is not known: ask again' : '';
  return `${name} gave no answer ${where}: ${message}${doubt}`;
}

function problemOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null ? (body as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

function detailOf({ detail, title, field }: Partial<Problem>, text: string): string {
  const what = detail ?? title ?? (text.slice(0, 200) || 'nothing said');
  return field === undefined || what.startsWith(`${field}:`) ? what : `${what} (field ${field})`;
}
