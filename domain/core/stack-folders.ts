/** The service whose schedules, ids and folders have no name of their own: those of the documents. */
export const FIRST_SERVICE = 'retriever';

/**
 * Where the records of a service lie in a folder that services share: each has its own, so that nothing of one is read,
 * continued or overwritten as another's.
 */
export function recordsFolder(folder: string, service: string): string {
  return service === FIRST_SERVICE ? folder : `${folder}/${service}`;
}

interface Given {
  readonly DATA_DIR: string | undefined;
  readonly ARTIFACTS_DIR: string | undefined;
  readonly PROD_DOCS_DIR: string | undefined;
}

/** Where a stack writes: into the clone, or all of it into its own folder where DATA_DIR names one. */
export function stackFolders({ DATA_DIR: data, ARTIFACTS_DIR: artifacts, PROD_DOCS_DIR: prodDocs }: Given): {
  readonly data: string;
  readonly artifacts: string;
  readonly prodDocs: string;
} {
  return {
    data: data ?? '.data',
    artifacts: artifacts ?? (data === undefined ? 'artifacts' : `${data}/artifacts`),
    prodDocs: prodDocs ?? (data === undefined ? 'docs/PROD' : `${data}/PROD`),
  };
}
