import { z } from 'zod';
import type { PreparedRequest } from '../load/bodies.ts';
import type { BodyKind } from '../load/question.ts';
import type { Candidate } from './measure.ts';
import type { Service } from './services.ts';

const COMPARED = 50;
const answerSchema = z.object({ results: z.array(z.object({ id: z.string() })) });

export interface Checked {
  /** Those that answer their kind of body. */
  readonly candidates: readonly Candidate[];
  /** Why a service is not measured with a kind of body, by sentences. */
  readonly skipped: readonly string[];
  /** Results whose id is not the first candidate's, of all candidates. */
  readonly differing: number;
  readonly compared: number;
}

/** Asks all services the same queries with each body that they know, and compares the ids with the first service's. */
export async function checkAnswers(
  services: readonly Service[],
  requests: Readonly<Record<BodyKind, readonly PreparedRequest[]>>,
): Promise<Checked> {
  const candidates: Candidate[] = [];
  const skipped: string[] = [];
  let expected: string[] | null = null;
  let differing = 0;
  let compared = 0;
  for (const service of services) {
    for (const body of service.spec.bodies) {
      const ids = await idsOf(service, requests[body].slice(0, COMPARED));
      if (typeof ids === 'string') {
        skipped.push(`${service.spec.name} is not measured with ${body} bodies: ${ids}`);
        continue;
      }
      candidates.push({ service, body });
      const truth = (expected ??= ids);
      compared += ids.length;
      differing += ids.filter((id, i) => id !== truth[i]).length;
    }
  }
  return { candidates, skipped, differing, compared };
}

/** Ids of all queries, best first, one query after the other; a sentence if one is refused. */
async function idsOf(service: Service, requests: readonly PreparedRequest[]): Promise<string[] | string> {
  const ids: string[] = [];
  for (const { path, headers, body } of requests) {
    const answer = await fetch(service.url + path, { method: 'POST', headers, body: new Uint8Array(body) });
    if (!answer.ok) return `it answers ${answer.status}`;
    ids.push(...answerSchema.parse(await answer.json()).results.map(({ id }) => id));
  }
  return ids;
}
