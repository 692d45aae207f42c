// A certified OpenID Connect provider (panva's oidc-provider) on loopback, for the tests. Its own page asks for any
// login and no password; what it says about each login stands in the file of claims.
//
//   node provider.mjs FOLDER-WITH-node_modules PORT CONFIGURATION.json
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, port, file] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(`${folder}/node_modules/oidc-provider/lib/index.js`));
const { clients, claims } = JSON.parse(readFileSync(file));

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients,
  claims: { openid: ["sub"], profile: ["preferred_username"], email: ["email", "email_verified"] },
  // Read anew at each sign-in: a test changes what the provider says.
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, ...(JSON.parse(readFileSync(file)).claims[id] ?? {}) }),
  }),
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true } },
  cookies: { keys: ["only for tests"] },
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
