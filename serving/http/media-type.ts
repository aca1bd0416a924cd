const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const ESSENCE = new RegExp(`^\\s*(${TOKEN}/${TOKEN})\\s*(?:;|$)`);
const PARAMETER = new RegExp(`;\\s*(${TOKEN})=(?:(${TOKEN})|"((?:[^"\\\\]|\\\\.)*)")`, 'g');

/** A media type as RFC 9110 writes it: type, subtype and the names of parameters in any case. */
export class MediaType {
  /** `application/json`, in lower case. */
  readonly essence: string;
  /** By name in lower case; values as they came, without quotes. */
  readonly parameters: ReadonlyMap<string, string>;

  private constructor(essence: string, parameters: ReadonlyMap<string, string>) {
    this.essence = essence;
    this.parameters = parameters;
  }

  /** Null where the text is no media type. */
  static parse(text: string): MediaType | null {
    const essence = ESSENCE.exec(text)?.[1]?.toLowerCase();
    if (essence === undefined) return null;
    const parameters = [...text.matchAll(PARAMETER)].map(
      ([, name = '', plain, quoted = '']) =>
        [name.toLowerCase(), plain ?? quoted.replaceAll(/\\(.)/g, '$1')] as const,
    );
    return new MediaType(essence, new Map(parameters));
  }
}

/** Whether a content type says that the body is bytes of float32. */
export function isBinary(contentType: string | undefined): boolean {
  return contentType !== undefined && MediaType.parse(contentType)?.essence === 'application/octet-stream';
}
