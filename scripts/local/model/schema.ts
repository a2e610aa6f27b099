/** JSON schemas for structured answers: what the real API refuses in them, and whether a value fits one. */

export type Schema = Record<string, unknown>;

/** Bounds that the real API does not enforce, and therefore refuses. */
const REFUSED_KEYWORDS = [
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "maxItems",
  "uniqueItems",
  "minProperties",
  "maxProperties",
];

/** The first thing in the schema that the real API refuses, in words, or null. */
export function refusalOf(schema: unknown, path = "schema"): string | null {
  if (!isObject(schema)) return `${path}: must be an object`;
  const refused = REFUSED_KEYWORDS.find((keyword) => keyword in schema);
  if (refused) return `${path}: For '${schema.type}' type, property '${refused}' is not supported`;
  if ("minItems" in schema && schema.minItems !== 0 && schema.minItems !== 1) {
    return `${path}: For 'array' type, 'minItems' values other than 0 or 1 are not supported`;
  }
  if (schema.type === "object" && schema.additionalProperties !== false) {
    return `${path}: For 'object' type, 'additionalProperties' must be explicitly set to false`;
  }
  for (const [name, child] of childrenOf(schema)) {
    const refusal = refusalOf(child, `${path}.${name}`);
    if (refusal) return refusal;
  }
  return null;
}

/** Where the value does not fit the schema, or null. Reads the keywords our functions use. */
export function misfitOf(schema: Schema, value: unknown, path = "answer"): string | null {
  if (Array.isArray(schema.enum) && !schema.enum.includes(value)) return `${path} is none of its enum`;
  if (schema.type === "integer") return Number.isInteger(value) ? null : `${path} is not an integer`;
  if (schema.type === "array") {
    if (!Array.isArray(value)) return `${path} is not an array`;
    return first(value, (item, index) => misfitOf(schema.items as Schema, item, `${path}[${index}]`));
  }
  if (schema.type === "object") return misfitOfObject(schema, value, path);
  return typeof value === schema.type || schema.type === undefined ? null : `${path} is not a ${schema.type}`;
}

function misfitOfObject(schema: Schema, value: unknown, path: string): string | null {
  if (!isObject(value)) return `${path} is not an object`;
  const properties = (schema.properties ?? {}) as Record<string, Schema>;
  const missing = ((schema.required ?? []) as string[]).find((name) => !(name in value));
  if (missing) return `${path}.${missing} is missing`;
  return first(
    Object.entries(value),
    ([name, item]) =>
      name in properties ? misfitOf(properties[name], item, `${path}.${name}`) : `${path}.${name} is not allowed`,
  );
}

function childrenOf(schema: Schema): [string, unknown][] {
  const named = ["properties", "$defs"].flatMap((key) => Object.entries(isObject(schema[key]) ? schema[key] : {}));
  const listed = ["anyOf", "allOf"].flatMap((key) => Object.entries(Array.isArray(schema[key]) ? schema[key] : []));
  return [...named, ...listed, ...("items" in schema ? [["items", schema.items] as [string, unknown]] : [])];
}

function first<T>(items: T[], find: (item: T, index: number) => string | null): string | null {
  for (const [index, item] of items.entries()) {
    const found = find(item, index);
    if (found) return found;
  }
  return null;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
