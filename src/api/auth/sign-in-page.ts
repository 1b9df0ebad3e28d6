/** The sign-in page, whole: it must work before anything else of the service may be read. */
export function signInPage({ next, complaint }: { next: string; complaint?: string }): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Drover: sign in</title>
<style>
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 16px/1.5 system-ui, sans-serif;
         background: #f4f5f7; color: #1c2430; }
  form { background: #fff; padding: 2rem; border-radius: .75rem; width: min(24rem, 90vw); box-sizing: border-box;
         box-shadow: 0 1px 4px rgb(0 0 0 / .15); }
  h1 { margin: 0 0 1rem; font-size: 1.25rem; }
  label { display: block; margin-bottom: .25rem; }
  input, button { width: 100%; box-sizing: border-box; padding: .6rem; font: inherit; border-radius: .4rem; }
  input { border: 1px solid #8a93a0; margin-bottom: 1rem; }
  button { border: 0; background: #1f5fbf; color: #fff; cursor: pointer; }
  [role=alert] { color: #a4161a; margin: 0 0 1rem; }
  @media (prefers-color-scheme: dark) {
    body { background: #14181f; color: #e6e9ee; } form { background: #1e242d; }
    input { background: #14181f; color: inherit; } [role=alert] { color: #ff8a8a; }
  }
</style>
</head>
<body>
<form method="post" action="/login">
  <h1>Drover</h1>
  ${complaint ? `<p role="alert">${escapeHtml(complaint)}</p>` : ''}
  <label for="key">Your key</label>
  <input id="key" name="key" type="password" autocomplete="current-password" required autofocus>
  <input type="hidden" name="next" value="${escapeHtml(next)}">
  <button type="submit">Sign in</button>
</form>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => names[character] ?? character);
}
