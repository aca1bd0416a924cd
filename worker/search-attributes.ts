import type { NativeConnection } from '@temporalio/worker';
import { errorMessage } from '../domain/core/error-message.ts';

/** temporal.api.enums.v1.IndexedValueType: an exact string. */
const KEYWORD = 2;

export type Registration =
  | { readonly kind: 'registered'; readonly added: readonly string[] }
  | {
      readonly kind: 'notRegistered';
      readonly reason: string;
      /** What a person may run instead. */ readonly command: string;
    };

/**
 * Sees to it that the namespace knows these search attributes (all of type Keyword). Never throws: a worker which may
 * not register them (Temporal Cloud, a restricted role) runs its rollouts without.
 */
export async function registerSearchAttributes(
  connection: NativeConnection,
  namespace: string,
  names: readonly string[],
): Promise<Registration> {
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    const lacking = names.filter((name) => !(name in customAttributes));
    if (lacking.length > 0) {
      const searchAttributes = Object.fromEntries(lacking.map((name) => [name, KEYWORD]));
      await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
    }
    return { kind: 'registered', added: lacking };
  } catch (error) {
    return {
      kind: 'notRegistered',
      reason: errorMessage(error),
      command: `temporal operator search-attribute create --namespace ${namespace} ${names
        .map((name) => `--name ${name} --type Keyword`)
        .join(' ')}`,
    };
  }
}
