# Completes awsfresh in PowerShell. Needs awsfresh in PATH.
# It prints `words`, `files` or `command INDEX`, and after `words` a line for each word.

Register-ArgumentCompleter -Native -CommandName awsfresh -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $before = @($commandAst.CommandElements |
        Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object {
            if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { $_.Extent.Text }
        })
    $word = "$wordToComplete".Trim("'", '"')
    $lines = @(awsfresh complete-words powershell "--word=$word" '--' @before 2>$null)
    if ($lines.Count -eq 0 -or $lines[0] -ne 'words') {
        return
    }
    $lines | Select-Object -Skip 1 | ForEach-Object {
        $value, $help = $_ -split "`t", 2
        if (-not $help) { $help = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value.Trim("'"), 'ParameterValue', $help)
    }
}
