// Makes corpus.json: what graphql-js answers to every document of the corpus over toy.graphql.
//   node oracle.mjs DOCUMENTS.json TOY.graphql MORE.json >corpus.json       (npm graphql 16.15.0 in NODE_PATH's folder)
// The generic resolvers are told again in corpus.c: they must say the same.
import fs from 'node:fs';
import {
  buildSchema, execute, getNamedType, getNullableType, isAbstractType, isEnumType, isListType, isObjectType, Kind,
  parse, print, validate,
} from 'graphql';

const [documentsPath, schemaPath, morePath] = process.argv.slice(2);
const schema = buildSchema(fs.readFileSync(schemaPath, 'utf8'));

function value(type, name, args) {
  type = getNullableType(type);
  if (name.startsWith('nullsIn') && !isListType(type)) return null;
  if (isListType(type)) return [value(type.ofType, name, args), value(type.ofType, name, args)];
  if (isEnumType(type)) return type.getValues()[0].name;
  if (isAbstractType(type)) return { __typename: schema.getPossibleTypes(type)[0].name };
  if (isObjectType(type)) return {};
  switch (type.name) {
    case 'String': return name + (Object.keys(args).length ? ':' + JSON.stringify(args) : '');
    case 'ID': return 'id-' + name;
    case 'Int': return 7;
    case 'Float': return 1.5;
    case 'Boolean': return true;
    default: return 'custom';
  }
}

function fieldResolver(source, args, context, info) {
  const name = info.fieldName;
  if (name.startsWith('error')) throw new Error(`boom ${name}`);
  if (name.startsWith('null') && !name.startsWith('nullsIn')) return null;
  return value(info.returnType, name, args);
}

const plainError = (error) => {
  const { message, locations, path } = error.toJSON();
  return { message, ...(locations && { locations }), ...(path && { path }) };
};
const byText = (a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
const isExecutable = (ast) => ast.definitions.every((d) => [Kind.OPERATION_DEFINITION, Kind.FRAGMENT_DEFINITION].includes(d.kind));

function answer({ document, variables }) {
  const row = { document };
  if (variables) row.variables = variables;
  let ast;
  try {
    ast = parse(document);
  } catch (error) {
    row.syntax = plainError(error);
    return row;
  }
  row.printed = print(ast);
  if (!isExecutable(ast)) return row;
  const errors = validate(schema, ast);
  if (errors.length) {
    // Our validator does not look for conflicts between fields in a document whose fragments form a circle.
    const isCircular = errors.some(({ message }) => message.includes('within itself'));
    row.invalid = errors.filter(({ message }) => !isCircular || !message.includes(' conflict because ')).map(plainError).sort(byText);
    return row;
  }
  row.results = [];
  for (const operation of ast.definitions) {
    if (operation.kind !== Kind.OPERATION_DEFINITION || operation.operation === 'subscription') continue;
    const result = execute({ schema, document: ast, variableValues: variables, operationName: operation.name?.value, fieldResolver });
    row.results.push({
      ...(operation.name && { operation: operation.name.value }),
      ...('data' in result && { data: result.data }),
      ...(result.errors && { errors: result.errors.map(plainError).sort(byText) }),
    });
  }
  return row;
}

const { source, valid, invalid } = JSON.parse(fs.readFileSync(documentsPath, 'utf8'));
// graphql-js 16.15 has drafts in its introspection types (deprecated directives), so their fields are not compared.
const hasDraft = (document) => /types \{\s+fields/.test(document);
const rows = [...new Set([...valid, ...invalid])].filter((document) => !hasDraft(document)).map((document) => ({ document }));
const more = JSON.parse(fs.readFileSync(morePath, 'utf8'));
const answers = [...rows, ...more].map(answer);
process.stdout.write('{"source":' + JSON.stringify(source) + ',"rows":[\n' + answers.map((row) => JSON.stringify(row)).join(',\n') + '\n]}\n');
