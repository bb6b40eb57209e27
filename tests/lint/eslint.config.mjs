// What `make check` asks of the pages and of their tests.
import js from "@eslint/js";
import globals from "globals";

export default [
  // The quickstart keeps the words of the documented one.
  { ignores: ["web/console/vendor/**", "tests/browser/pages/quickstart.js", "**/node_modules/**"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, globals: { ...globals.browser, ...globals.node, ...globals.audioWorklet } },
    rules: { "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true }] },
  },
];
