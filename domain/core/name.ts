/** What a name of a release, a service, a plan or a rules file has to be: it becomes part of paths, tags and workflow ids. */
export const NAME_RULE =
  'must be a name of 1 to 100 letters of a to z, digits, ".", "_" and "-", which begins with a letter or digit, has no ".." and does not end with "."';

const NAME = /^(?!.*\.\.)[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?$/;

export function isName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value);
}
