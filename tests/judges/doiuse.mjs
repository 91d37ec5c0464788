// Pages by name on standard input; what doiuse-email finds in each, by name, on standard output.
import { readFileSync } from "node:fs";
import { doIUseEmail } from "doiuse-email";

const programs = [
  "gmail.desktop-webmail", "gmail.ios", "gmail.android", "outlook.windows", "outlook.macos", "outlook.ios",
  "outlook.android", "apple-mail.macos", "apple-mail.ios", "yahoo.desktop-webmail", "yahoo.ios", "yahoo.android",
  "samsung-email.android",
];
const found = {};
for (const [name, page] of Object.entries(JSON.parse(readFileSync(0, "utf8"))))
  found[name] = [...new Set(programs.flatMap(program => doIUseEmail(page, { emailClients: [program] }).errors ?? []))];
process.stdout.write(JSON.stringify(found));
