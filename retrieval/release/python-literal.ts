/** What a .npy header can hold: strings, numbers, booleans, None, tuples, lists and dictionaries with names as keys. */
export type PythonValue = string | number | boolean | null | readonly PythonValue[] | PythonDict;
type PythonDict = ReadonlyMap<string, PythonValue>;

/** Strings of either quotes, whole numbers (of Python 2 with an L), names and marks. */
const TOKEN =
  /\s*(?:u?'((?:[^'\\\n]|\\.)*)'|u?"((?:[^"\\\n]|\\.)*)"|(-?\d+)[lL]?(?![\w.])|(True|False|None)\b|([[\](){},:]))/y;
const NAMES: Readonly<Record<string, boolean | null>> = { True: true, False: false, None: null };

/**
 * A Python literal, as numpy's reader of headers takes it: any spacing, quotes and trailing commas.
 * @throws Error quoting what is no literal
 */
export function parsePythonLiteral(text: string): PythonValue {
  const reader = new LiteralReader(text);
  const value = reader.value();
  reader.end();
  return value;
}

class LiteralReader {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  value(): PythonValue {
    const [, single, double, digits, name, mark] = this.token();
    if (single !== undefined || double !== undefined) return (single ?? double ?? '').replace(/\\(.)/g, '$1');
    if (digits !== undefined) return Number(digits);
    if (name !== undefined) return NAMES[name] ?? null;
    if (mark === '(') return this.sequence(')');
    if (mark === '[') return this.sequence(']');
    if (mark === '{') return this.dictionary();
    return this.wrong();
  }

  end(): void {
    if (this.text.slice(this.at).trim() !== '') this.wrong();
  }

  /** Of one value in brackets without a comma, Python makes that value. */
  private sequence(close: string): PythonValue {
    const values: PythonValue[] = [];
    let commas = 0;
    while (!this.takes(close)) {
      if (values.length > commas) this.wrong();
      values.push(this.value());
      if (this.takes(',')) commas++;
    }
    const [only = null] = values;
    return close === ')' && values.length === 1 && commas === 0 ? only : values;
  }

  private dictionary(): PythonDict {
    const entries = new Map<string, PythonValue>();
    let commas = 0;
    let pairs = 0;
    while (!this.takes('}')) {
      if (pairs > commas) this.wrong();
      const key = this.value();
      if (typeof key !== 'string' || !this.takes(':')) return this.wrong();
      entries.set(key, this.value());
      pairs++;
      if (this.takes(',')) commas++;
    }
    return entries;
  }

  private takes(mark: string): boolean {
    const before = this.at;
    if (this.token()[5] === mark) return true;
    this.at = before;
    return false;
  }

  private token(): readonly (string | undefined)[] {
    TOKEN.lastIndex = this.at;
    const found = TOKEN.exec(this.text);
    if (found === null) return this.wrong();
    this.at = TOKEN.lastIndex;
    return found;
  }

  private wrong(): never {
    throw new Error(`cannot be read from ${JSON.stringify(this.text.slice(this.at, this.at + 40))} on`);
  }
}
