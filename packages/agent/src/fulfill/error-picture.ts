/*
 * What PowerShell shows of an error on a console is a picture for eyes: the place, the line of the script, marks
 * under it, then the message. In a message of ours the place and the message are enough.
 *
 *   ParserError: /srv/Fulfill.ps1:3:10         7.x, ConciseView
 *   Line |
 *      3 |  function {
 *        |           ~
 *        | Missing function body.
 *
 *   boom                                       5.1, NormalView
 *   At C:\scripts\Fulfill.ps1:3 char:10
 *   + throw 'boom'
 *   + ~~~~~~~~~~~~
 *       + CategoryInfo          : OperationStopped: (boom:String) [], RuntimeException
 *       + FullyQualifiedErrorId : boom
 *
 * Source: about_Preference_Variables, $ErrorView.
 */

const mostCharacters = 600;

/** The place and the messages of what stands on standard error, in one line. */
export function withoutPictures(lines: readonly string[]): string {
  const kept: string[] = [];
  let inPicture = false;
  for (const line of lines) {
    if (/^Line \|\s*$/.test(line)) {
      inPicture = true;
      continue;
    }
    const [, number, text = ''] = (inPicture && /^\s*(\d*)\s*\|(.*)$/.exec(line)) || [];
    if (number === undefined) {
      inPicture = false;
      if (!/^\s*\+ /.test(line)) kept.push(line.trim());
    } else if (number === '' && !/^[\s~]*$/.test(text)) kept.push(text.trim());
  }
  const said = kept.filter((line) => line !== '').join(' ');
  return said.length <= mostCharacters ? said : `${said.slice(0, mostCharacters - 1).toWellFormed()}…`;
}
